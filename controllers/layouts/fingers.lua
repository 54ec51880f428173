-- Several fingers on one pad. TouchOSC gives every finger on overlapping controls to the one on
-- top, and that follows its oldest finger alone. So this XY, which is on top, hands each further
-- finger to a free XY below it. Whatever TouchOSC itself gives to those is theirs.
local pads = self.parent.children
local taken = {} -- by pointer ID: the number of the XY that it plays

local function place(n, pointer)
  local values = pads['finger' .. n].values
  values.x = math.min(math.max(pointer.x / self.frame.w, 0), 1)
  values.y = math.min(math.max(1 - pointer.y / self.frame.h, 0), 1)
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
        sendOSC('/pad/' .. n .. '/touch', 1)
      end
    elseif pointer.state == PointerState.END then
      taken[pointer.ID] = nil
      -- Under a finger that stays, TouchOSC would keep this XY touched.
      if n ~= nil and (n > 1 or next(taken) ~= nil) then
        sendOSC('/pad/' .. n .. '/touch', 0)
      end
    elseif n ~= nil and n > 1 then
      place(n, pointer)
    end
  end
end
