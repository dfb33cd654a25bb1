"""Where finished files are kept: one protocol, a store on S3 and one on a local directory."""
