"""Where partitions of data sets are computed: threads, processes, or a Dask cluster."""
