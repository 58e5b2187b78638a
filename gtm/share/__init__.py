"""Sharing: keys, and the exchange of reports with peers over HTTP or an etcd cluster."""
