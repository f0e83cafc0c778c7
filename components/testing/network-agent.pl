# Listens on every port given. The first one takes a line of targets, "address:port …", and answers with those that accept a
# connection within some seconds; the others accept and close.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use Socket;

$SIG{CHLD} = 'IGNORE';
$SIG{TERM} = sub { exit 0 };
my @listeners =
    map { IO::Socket::INET->new( LocalPort => $_, Listen => 128, ReuseAddr => 1 ) or die "$_: $!" } @ARGV;
my $select = IO::Select->new(@listeners);
while ( my @ready = $select->can_read ) {
    for my $listener (@ready) {
        my $connection = $listener->accept or next;
        next if $listener != $listeners[0] or fork;
        print $connection join( ' ', accepting( split ' ', <$connection> // '' ) ), "\n";
        exit 0;
    }
}

sub accepting {
    my %target;
    my $pending = IO::Select->new;
    for my $target (@_) {
        my ( $address, $port ) = split /:/, $target;
        my $socket = IO::Socket::INET->new( PeerAddr => $address, PeerPort => $port, Blocking => 0 ) or next;
        $target{$socket} = $target;
        $pending->add($socket);
    }
    my @open;
    my $deadline = time + 4;
    while ( $pending->count and ( my $left = $deadline - time ) > 0 ) {
        for my $socket ( $pending->can_write($left) ) {
            $pending->remove($socket);
            push @open, $target{$socket} unless unpack 'i', getsockopt( $socket, SOL_SOCKET, SO_ERROR );
        }
    }
    return @open;
}
