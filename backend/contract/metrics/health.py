"""Time and memory of the run."""

from backend.contract.metrics.metric import Metric

HEALTH = (
    Metric(
        name="health/step_s",
        title="Time per RL step",
        unit="s",
        has_zero_axis=True,
        definition="Wall time of the RL step without evaluation and checkpoint.",
        source="Maye",
    ),
    Metric(
        name="health/collection_s",
        title="Time collecting responses",
        unit="s",
        has_zero_axis=True,
        definition="Wall time of step II.",
        source="Maye",
    ),
    Metric(
        name="health/trajectory_s",
        title="Time generating trajectories",
        unit="s",
        has_zero_axis=True,
        definition="Wall time of step III.",
        source="Maye",
    ),
    Metric(
        name="health/update_s",
        title="Time updating the policy",
        unit="s",
        has_zero_axis=True,
        definition="Wall time of step IV.",
        source="Maye",
    ),
    Metric(
        name="health/evaluation_s",
        title="Time evaluating",
        unit="s",
        has_zero_axis=True,
        definition="Wall time of the evaluation at this step.",
        source="Maye",
    ),
    Metric(
        name="health/checkpoint_s",
        title="Time saving a checkpoint",
        unit="s",
        has_zero_axis=True,
        definition="Wall time of the checkpoint at this step, training waits for it.",
        source="Maye",
    ),
    Metric(
        name="health/checkpoint_failed",
        title="Checkpoints not saved",
        unit="1",
        has_zero_axis=True,
        definition="1 at a step whose checkpoint the disk did not take (full or broken).",
        source="Maye",
    ),
    Metric(
        name="health/tokens_per_s",
        title="Collection speed",
        unit="tokens/s",
        has_zero_axis=True,
        definition="Response tokens collected per second of step II.",
        source="Maye",
    ),
    Metric(
        name="health/peak_memory_bytes",
        title="Peak memory",
        unit="bytes",
        has_zero_axis=True,
        definition="Largest resident memory of the trainer (on a GPU: allocated on it).",
        source="Maye",
    ),
    Metric(
        name="health/pictures_preprocessed",
        title="Pictures preprocessed",
        unit="1",
        has_zero_axis=True,
        definition=(
            "Pictures that went through the image processor since the attempt began; it stops "
            "rising once every picture of the data set is in the cache."
        ),
        source="Maye",
    ),
    Metric(
        name="health/pictures_encoded",
        title="Pictures encoded",
        unit="1",
        has_zero_axis=True,
        definition=(
            "Pictures that went through the frozen vision tower since the attempt began; 0 where "
            "the vision tower or the connector is trained."
        ),
        source="Maye",
    ),
    Metric(
        name="health/picture_cache_hits",
        title="Pictures found in the cache",
        unit="1",
        has_zero_axis=True,
        definition="Pictures of prompts that were neither preprocessed nor encoded again.",
        source="Maye",
    ),
    Metric(
        name="health/picture_cache_bytes",
        title="Picture cache",
        unit="bytes",
        has_zero_axis=True,
        definition="Memory of the pictures kept; data.picture_cache_bytes bounds it.",
        source="Maye",
    ),
)
