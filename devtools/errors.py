"""The exception of this package."""


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
