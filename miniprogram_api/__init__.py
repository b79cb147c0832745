"""The mini-program's JSON entrance, a sibling of app.routes. It has no route yet: it opens with its own story (S5)."""
