-- Several fingers on one pad. A control on top of others may get every finger, and follows the
-- oldest alone. So this XY, which is on top, hands each further finger that it gets to a free XY
-- below it. Whatever TouchOSC itself gives to those is theirs.
local pads = self.parent.children
local taken = {} -- by pointer ID: the number of the XY that it plays

local function place(n, pointer)
  local values = pads['finger' .. n].values
  values.x = math.min(math.max(pointer.x / self.frame.w, 0), 1)
  values.y = math.min(math.max(1 - pointer.y / self.frame.h, 0), 1)
end

local function touch(n, down)
  sendOSC('/pad/' .. n .. '/touch', down)
  if n > 1 then -- TouchOSC shows the cursor of an XY that it touches itself
    pads['finger' .. n].cursorDisplay = down == 1 and CursorDisplay.ALWAYS or CursorDisplay.ACTIVE
  end
end

local function free()
  local used = {}
  for _, n in pairs(taken) do used[n] = true end
  if next(used) == nil then return 1 end
  for n = 2, #pads do
    if not used[n] then return n end
  end
end

function onPointer(pointers)
  for i = 1, #pointers do
    local pointer = pointers[i]
    local n = taken[pointer.ID]
    if pointer.state == PointerState.BEGIN and n == nil then
      n = free()
      taken[pointer.ID] = n
      if n ~= nil and n > 1 then
        place(n, pointer)
        touch(n, 1)
      end
    elseif pointer.state == PointerState.END then
      taken[pointer.ID] = nil
      -- Under a finger that stays, TouchOSC would keep this XY touched.
      if n ~= nil and (n > 1 or next(taken) ~= nil) then
        touch(n, 0)
      end
    elseif n ~= nil and n > 1 then
      place(n, pointer)
    end
  end
end
