"""Images restored by a regulariser: a user's measurement, and folders to compare regularisers on."""
