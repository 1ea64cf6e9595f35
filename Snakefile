# Ablate the attention heads that a detector ranks highest, and see whether the model still retrieves.
# The study is described in a config (config.yaml, or --configfile); results go to results/<study>/.

from pathlib import Path

from snakemake.utils import min_version

min_version("9.27.0")

# The working folder's own config, or the demo that ships with the workflow.
HERE = Path("config.yaml")
SHIPPED = Path(workflow.current_basedir.get_path_or_uri(secret_free=False)) / "config.yaml"

if not workflow.config_settings.configfiles:

    configfile: str(HERE if HERE.is_file() else SHIPPED)


report: "report/workflow.rst"


include: "rules/common.smk"
include: "rules/models.smk"
include: "rules/samples.smk"
include: "rules/prompts.smk"
include: "rules/scores.smk"
include: "rules/rankings.smk"
include: "rules/heads.smk"
include: "rules/generations.smk"
include: "rules/ablation.smk"
include: "rules/tables.smk"
include: "rules/figures.smk"
include: "rules/report.smk"
include: "rules/docs.smk"


localrules:
    all,
    rankings,
    head_sets,
    figures,


onstart:
    start_progress()


onsuccess:
    say_closing_words()


onerror:
    say_closing_words()


rule all:
    default_target: True
    input:
        study_files("config.yaml", sample_indexes(), TABLES, AUDIT, TRUTH),
        figure_files(),
        chosen_heads(),
        study_files("report.html"),


rule rankings:
    input:
        every("rankings/{}.json", STUDY.ranked_methods),


rule head_sets:
    input:
        every("heads/{}/index.json", STUDY.ranked_methods),


rule figures:
    input:
        figure_files(),
