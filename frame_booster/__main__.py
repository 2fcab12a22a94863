"""`python -m frame_booster`."""

from frame_booster.cli.main import main

if __name__ == "__main__":
    main(prog_name="frame-booster")
