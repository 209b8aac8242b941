"""Invented households for measuring planners and for trying them on the absurd.

Belongs here: `Household` values made from a seed, straight in the planners' own types: typical,
large, and such as no planner should meet. Does not belong here: the demo book (its households go
through feeds, warehouse and marts), planning, measuring. No client ever sees one of them.
"""
