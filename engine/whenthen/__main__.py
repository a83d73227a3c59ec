"""``python -m whenthen``: the command line where no script is on the path."""

from whenthen.cli import main

if __name__ == "__main__":
    main(prog_name="whenthen")
