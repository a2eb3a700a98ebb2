"""The only writer: Parquet shards by atomic rename, the manifest last.

    runs/.cells/<stage>/<key>/   finished work under the hash of its inputs and settings
    runs/<name>/2-tasks/         what one run refers to: hard links into the cells

A killed run leaves finished cells and at most one unfinished temporary folder;
the next run with the same inputs finds the cells and goes on. Cells lie beside
the runs, never in the user's cache folder: they hold private text.
"""
