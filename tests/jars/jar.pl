# LWP::UserAgent and HTTP::Cookies.
use strict;
use warnings;

use HTTP::Cookies;
use JSON::PP;
use LWP::UserAgent;

my $jar = HTTP::Cookies->new;
my $agent = LWP::UserAgent->new(cookie_jar => $jar, env_proxy => 1, ssl_opts => { SSL_ca_file => $ENV{CA} });
my ($token, @seen) = '';
for my $step (@ARGV) {
    my ($method, $path, $sub) = split ' ', $step;
    my $request = HTTP::Request->new($method, $ENV{ORIGIN} . $path);
    $request->header(Authorization => "Bearer $token") if $method eq 'GET';
    if ($sub) {
        $request->header('Content-Type' => 'application/json');
        $request->content(encode_json({ sub => $sub }));
    }
    my $response = $agent->request($request);
    my $answer = length $response->content ? decode_json($response->content) : undef;
    $token = $answer->{access_token} if $answer && $answer->{access_token};
    my @names;
    $jar->scan(sub { push @names, $_[1] });
    push @seen, { status => int $response->code, body => $answer, jar => \@names };
}
print encode_json({ version => $LWP::UserAgent::VERSION, steps => \@seen }), "\n";
