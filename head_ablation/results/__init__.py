"""From generations to tables: scoring, the published format, statistics, the audit."""
