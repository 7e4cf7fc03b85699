"""Run yolow as `python -m yolow`."""

from yolow.cli.main import main

if __name__ == "__main__":
    main()
