"""One tools/call: what a tool is handed, how a request is asked for, what came back and what it cost."""
