"""Attribution: which heads the loss owes what to, and which heads feed which."""
