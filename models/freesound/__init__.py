"""A client for Freesound: searches, previews, licences."""
