"""The benchmark's goals, as ratios of cases of the same round."""

import statistics


def rate(of, name):
    return of(name)["per_second"]


def half_time(of, name, call):
    return of(name)["milliseconds"][call]["p50"]


def award_over_floor(of, name):
    floor = 2 * half_time(of, "echo/1", "call") + 2 * half_time(of, "pgbench/1", "call")
    return half_time(of, name, "award") / floor


def ratio(above, below):
    return lambda of: rate(of, above) / rate(of, below)


# Number, words, the figure of one round, whether more is better, the goal.
GOALS = [
    (1, "unary, accepted / one-row commits, 64", ratio("unary/accepted/64", "pgbench/64"), True, 0.5),
    (1, "unary, accepted / one-row commits, 256", ratio("unary/accepted/256", "pgbench/256"), True, 0.65),
    (1, "unary, declined then accepted / one-row commits, 64", ratio("unary/declined/64", "pgbench/64"), True, 0.3),
    (2, "sessions, accepted / one-row commits, 64", ratio("session/accepted/64", "pgbench/64"), True, 1.0),
    (2, "sessions, accepted / one-row commits, 256", ratio("session/accepted/256", "pgbench/256"), True, 1.6),
    (3, "group commit / batches of one, unary, 64",
     ratio("unary/accepted/64", "unary/accepted/64/batch-of-one"), True, 2.5),
    (3, "group commit / batches of one, sessions, 64",
     ratio("session/accepted/64", "session/accepted/64/batch-of-one"), True, 2.5),
    (4, "award p50, unary / (2 echoes + 2 one-row commits), 1",
     lambda of: award_over_floor(of, "unary/accepted/1"), False, 1.5),
    (4, "award p50, sessions / (2 echoes + 2 one-row commits), 1",
     lambda of: award_over_floor(of, "session/accepted/1"), False, 1.5),
]


def spread(values):
    return {"median": statistics.median(values), "least": min(values), "most": max(values), "rounds": len(values)}


def judge(rounds):
    """Each goal whose cases were run: its spread over the rounds, and whether the median reaches it."""
    judged = []
    for number, words, of_round, more, goal in GOALS:
        values = []
        for cases in rounds:
            try:
                values.append(of_round(cases.__getitem__))
            except (KeyError, ZeroDivisionError):
                pass
        if values:
            found = spread(values)
            reached = found["median"] >= goal if more else found["median"] <= goal
            judged.append({"number": number, "of": words, "goal": goal, "more_is_better": more, "reached": reached, **found})
    return judged


def print_goals(judged, log=print):
    log("")
    log(f"{'goal':<6}{'of':<66}{'median':>8}{'least':>8}{'most':>8}  {'wanted':<12}reached")
    for row in judged:
        wanted = (">= " if row["more_is_better"] else "<= ") + f"{row['goal']:g} {row.get('unit', '')}"
        log(f"{row['number']:<6}{row['of']:<66}{row['median']:>8.2f}{row['least']:>8.2f}{row['most']:>8.2f}  {wanted:<12}"
            + ("yes" if row["reached"] else "no"))
