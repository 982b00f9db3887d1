# What systemd says once the node is up, and something that answers where the API server does.
echo "Reached target Multi-User System."
exec httpd -f -p 6443 -h /www
