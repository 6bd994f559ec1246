# Somebody at the other end of the webhooks of the example configuration; to be read by the scripts beside this one. In
# Perl, which every Debian has.
set -euo pipefail
set -x
perl -MIO::Socket::INET -e '
  $| = 1;
  my $server = IO::Socket::INET->new(Listen => 16, LocalAddr => "127.0.0.1:9095", ReuseAddr => 1) or die $@;
  while (my $client = $server->accept) {
    my ($request, $length) = (scalar <$client>, 0);
    while (defined(my $line = <$client>)) {
      $length = $1 if $line =~ /^content-length: *(\d+)/i;
      last if $line eq "\r\n";
    }
    read $client, my $body, $length;
    print "$request$body\n";
    print $client "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  }' >/life/webhook.log 2>&1 &
trap 'code=$?; set +x; kill %1; ((code == 0)) || journalctl --no-pager | tail -n 60 >&2' EXIT
