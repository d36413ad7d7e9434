"""The diagram of a stack, from its plan: `read` says what is on it, `draw` writes SVG, `flowchart` Mermaid."""
