"""Pages that people look at: self-contained HTML, Chinese and English, nothing from another host."""
