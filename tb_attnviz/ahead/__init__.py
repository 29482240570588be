"""Pictures made before anybody asks for them: what `tb-attnviz project` does, in processes of its own or with Dask."""
