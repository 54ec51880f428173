send(`/pad/${event.handle + 1}/touch`, event.type === 'start' ? 1 : 0)
