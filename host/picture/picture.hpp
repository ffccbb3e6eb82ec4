// The street's picture as text, Graphviz or SVG.
//
// THREADS  Pure functions: any thread.
#pragma once
#include <string>
#include <vector>

#include "host/street/street.hpp"

namespace gantry::host {

// One node a paragraph, in the order of the flow.
std::string picture_text(const std::vector<StreetNode>& nodes);
std::string picture_dot(const std::vector<StreetNode>& nodes);
// Drawn here, without Graphviz: layers from top to bottom, edges that lead back at the side.
std::string picture_svg(const std::vector<StreetNode>& nodes);

}  // namespace gantry::host
