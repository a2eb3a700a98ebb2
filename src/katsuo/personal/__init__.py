"""What in a text is personal, and what may stand in its place?

finding      text ─▶ where addresses, numbers and names stand
surrogates   a value ─▶ another of its kind, shape and length
"""
