// Whether the Host of a request is one under which this machine is meant.
//
// A web page whose name is made to resolve to this machine (DNS rebinding) reaches ports that its
// author cannot, in the browser of somebody who can; the Host then is the page's own name. An
// address is nobody's name, and a name without a dot cannot be had in the DNS of the Internet.
#pragma once

#include <string>
#include <vector>

namespace capbroker {

// `host` is the header, with or without a port; empty is trusted: every browser sends one.
bool IsTrustedHost(const std::string& host, const std::vector<std::string>& names);

}  // namespace capbroker
