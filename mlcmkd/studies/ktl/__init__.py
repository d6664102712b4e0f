"""The KTL (knowledge transfer level) sweep: thermal students by strategy, amount of data and seed."""
