"""The one exception of this package."""


class DevError(Exception):
    """Something that a person can fix.

    :param str problem: what went wrong, in one sentence
    :param str advice: what to do next
    """

    def __init__(self, problem, advice=""):
        super().__init__(problem)
        self.problem = problem
        self.advice = advice

    def __str__(self):
        return f"{self.problem}\n{self.advice}".strip()
