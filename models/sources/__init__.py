"""Where sounds come from: folders, tables, credits, licences."""
