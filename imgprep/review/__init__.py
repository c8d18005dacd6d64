"""Reviews of images by people: the page, the server that shows it, what is answered, and how far reviewers agree."""
