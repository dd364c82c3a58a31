"""``butter fence`` runs a program with fences around it, and makes no container."""
