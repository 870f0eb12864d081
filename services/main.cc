// The one binary: everything it does is a verb of the command line.
#include "services/cli/app.h"

int main(int argc, char** argv) { return capbroker::RunCommandLine(argc, argv); }
