"""A Power BI manager: workspaces, reports, dashboards, datasets and their refreshes."""
