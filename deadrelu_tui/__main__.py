"""`python -m deadrelu_tui` is the command `deadrelu-tui`."""

from deadrelu_tui.cli import main

if __name__ == "__main__":
    main()
