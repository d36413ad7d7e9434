"""What policies say: patterns, conditions and statements, as text. Nothing here knows which services AWS has."""
