"""The diagram of a stack, from its plan: `read` collects its contents, `draw` writes SVG, `flowchart` Mermaid."""
