package Closing;
# What prove says at the end of a run: what failed in its own words, and the closing line
# `N passed, N failed, N skipped`, which prove itself does not count. tests/run.sh asks for it.
use strict;
use warnings;
use parent -norequire, -t STDOUT ? 'TAP::Formatter::Console' : 'TAP::Formatter::File';
use TAP::Formatter::Console;
use TAP::Formatter::File;

my ($passed, $failed, $skipped) = (0, 0, 0);

# A failure's own lines follow it, up to the next result; what ended without one shows its last.
sub explain {
  my ($name, $parser) = @_;
  open my $tap, '<', "../build/tap/$name" or die "../build/tap/$name: $!\n";
  my @lines = <$tap>;
  my $shown = 0;
  my @said = grep { $shown = /^not ok/ ? 1 : /^(ok|1\.\.)/ ? 0 : $shown } @lines;
  @said = @lines > 60 ? @lines[-60 .. -1] : @lines unless $parser->failed;
  print "\n$name:\n", map { "    $_" } @said;
}

sub summary {
  my ($self, $aggregate, $interrupted) = @_;
  $self->SUPER::summary($aggregate, $interrupted);
  for my $name ($aggregate->descriptions) {
    my ($parser) = $aggregate->parsers($name);
    my $unmet = $parser->failed || ($parser->has_problems ? 1 : 0);
    $passed += $parser->passed - $parser->skipped;
    $failed += $unmet;
    $skipped += $parser->skipped + (defined $parser->skip_all ? 1 : 0);
    explain($name, $parser) if $unmet;
  }
  $failed ||= 1 unless $passed; # nothing ran: that is no success
  print "$passed passed, $failed failed", $skipped ? ", $skipped skipped" : '', "\n";
}

# A skipped test is an error where everything is installed.
END { $? ||= $failed || ($skipped && ($ENV{CI} // '') eq 'true') ? 1 : 0 }

1;
