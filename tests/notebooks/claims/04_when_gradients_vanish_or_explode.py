# ruff: noqa: F821
"""Run in the notebook's kernel after its last cell."""


def verdicts(report):
    return [layer.verdict for layer in report.layers]


assert verdicts(deep_report)[:3] == ["vanishing"] * 3
assert "vanishing" not in verdicts(deep_report)[3:]
assert deep_report.layers[0].gradient.mean < deep_report.layers[-1].gradient.mean / 100
assert deep_accuracy <= 0.6
assert max(scores) - min(scores) < 0.01

assert set(verdicts(cured_report)) == {"healthy"}
assert cured_accuracy > 0.9

assert set(verdicts(loud_report)) == {"exploding"}
assert loud_report.layers[-1].activation.mean > 500
assert all(layer.update_to_weight > 1 for layer in loud_report.layers)
assert loud_accuracy <= 0.6

assert "exploding" not in verdicts(calm_report)
assert calm_accuracy > 0.9

assert dying_accuracy == 0.5
assert [layer.dead for layer in dying_report.layers] == [0, 8, 0]
assert verdicts(dying_report)[1] == "dead units"
assert len(set(dying.predict(centimetres))) == 1
assert scaled_accuracy > 0.9
assert sum(layer.dead for layer in scaled_report.layers) == 0
assert mg.leaky_relu(-1.0) == -0.01

assert len(runs["plain"][0].parameters()) == 337
judgements = {name: judged(model) for name, (model, _) in runs.items()}
assert judgements["plain"][2] == 1.0
assert all(judgements[cure][2] < 1.0 for cure in ("weight decay", "early stopping", "dropout"))
assert max(judgements[cure][1] for cure in ("weight decay", "early stopping")) < judgements["plain"][1] / 2
assert judgements["dropout"][1] < judgements["plain"][1] * 0.6
assert len(runs["early stopping"][1].loss) < 100
