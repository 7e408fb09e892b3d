"""The exception of this package, and programs whose failure raises it."""

import subprocess

LONGEST_OUTPUT = 1500


class DevError(Exception):
    """A problem that the user can fix.

    :param str problem: the problem in one sentence
    :param str advice: the next step for the user
    """

    def __init__(self, problem, advice=""):
        super().__init__(problem)
        self.problem = problem
        self.advice = advice

    def __str__(self):
        return f"{self.problem}\n{self.advice}".strip()


def run_program(command, problem="", advice="", **options):
    """Run a program, without input by default.

    :param list command: command line
    :param str problem: message if the program fails; by default the program's name
    :param str advice: advice after the program's output
    :param options: arguments of `subprocess.run`
    :return: the program's standard output
    :rtype: str
    :raise DevError: if it fails
    """
    if "input" not in options:
        options["stdin"] = subprocess.DEVNULL
    result = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if result.returncode:
        output = (result.stderr.strip() or result.stdout.strip())[-LONGEST_OUTPUT:]
        raise DevError(problem or f"{command[0]} failed.", f"{output}\n{advice}".strip())
    return result.stdout
