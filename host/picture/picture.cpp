#include "host/picture/picture.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "host/picture/layout.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host {
namespace {

std::string dot_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : printable(text)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : printable(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

struct Point {
  double x = 0;
  double y = 0;
};

// Pixels.
constexpr double box_width = 260;
constexpr double box_height = 54;
constexpr double column = 290;
constexpr double row = 100;
constexpr double margin = 30;
constexpr double detour = 26;  // from one edge that leads back to the next
constexpr std::size_t name_columns = 30;
constexpr std::size_t detail_columns = 42;

class Svg {
 public:
  Svg(const std::vector<StreetNode>& nodes, const Layout& layout) : nodes_(nodes), layout_(layout) {
    std::size_t widest = 1;
    for (const auto& layer : layout.layers) widest = std::max(widest, layer.size());
    const double inner = static_cast<double>(widest) * column;
    centres_.resize(layout.layer_of.size());
    for (std::size_t l = 0; l < layout.layers.size(); ++l) {
      const auto& layer = layout.layers[l];
      const double left = margin + (inner - static_cast<double>(layer.size()) * column) / 2;
      for (std::size_t i = 0; i < layer.size(); ++i) {
        centres_[layer[i]] = {left + (static_cast<double>(i) + 0.5) * column,
                              margin + static_cast<double>(l) * row + box_height / 2};
      }
    }
    const auto back =
        static_cast<double>(std::ranges::count(layout.edges, true, &PlacedEdge::back));
    right_ = margin + inner;
    width_ = right_ + back * detour + margin;
    height_ = 2 * margin +
              static_cast<double>(std::max<std::size_t>(1, layout.layers.size()) - 1) * row +
              box_height;
  }

  std::string text() {
    std::string out = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
        "viewBox=\"0 0 {0:.0f} {1:.0f}\" font-family=\"sans-serif\">\n"
        "<defs><marker id=\"tip\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"7\" "
        "markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0 L10 5 L0 10 z\" fill=\"#456\"/></marker>"
        "</defs>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        width_, height_);
    std::size_t back = 0;
    for (const PlacedEdge& edge : layout_.edges) {
      out += edge.back ? back_edge(edge, ++back) : forward_edge(edge);
    }
    for (std::size_t i = 0; i < nodes_.size(); ++i) out += node(i);
    return out + "</svg>\n";
  }

 private:
  std::string forward_edge(const PlacedEdge& edge) const {
    Point at{centres_[edge.from].x, centres_[edge.from].y + box_height / 2};
    std::string path = fmt::format("M{:.1f} {:.1f}", at.x, at.y);
    const auto curve_to = [&](Point to) {
      const double middle = (at.y + to.y) / 2;
      path += fmt::format(" C{:.1f} {:.1f} {:.1f} {:.1f} {:.1f} {:.1f}", at.x, middle, to.x, middle,
                          to.x, to.y);
      at = to;
    };
    for (const std::size_t slot : edge.slots) {
      curve_to({centres_[slot].x, centres_[slot].y - box_height / 2});
      at.y += box_height;
      path += fmt::format(" L{:.1f} {:.1f}", at.x, at.y);
    }
    curve_to({centres_[edge.to].x, centres_[edge.to].y - box_height / 2});
    return fmt::format(
        "<path d=\"{}\" fill=\"none\" stroke=\"#456\" stroke-width=\"1.5\" "
        "marker-end=\"url(#tip)\"/>\n",
        path);
  }

  std::string back_edge(const PlacedEdge& edge, std::size_t number) const {
    const double side = right_ + static_cast<double>(number) * detour - detour / 2;
    const Point from{centres_[edge.from].x + box_width / 2, centres_[edge.from].y + 10};
    const Point to{centres_[edge.to].x + box_width / 2, centres_[edge.to].y - 10};
    return fmt::format(
        "<path d=\"M{:.1f} {:.1f} H{:.1f} V{:.1f} H{:.1f}\" fill=\"none\" stroke=\"#456\" "
        "stroke-width=\"1.2\" stroke-dasharray=\"5 4\" marker-end=\"url(#tip)\"/>\n",
        from.x, from.y, side, to.y, to.x);
  }

  std::string node(std::size_t index) const {
    const Point& centre = centres_[index];
    std::string out = fmt::format(
        "<g><rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.0f}\" height=\"{:.0f}\" rx=\"7\" "
        "fill=\"#eef4fa\" stroke=\"#345\"/>\n",
        centre.x - box_width / 2, centre.y - box_height / 2, box_width, box_height);
    out += fmt::format(
        "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\" font-size=\"14\" "
        "font-weight=\"bold\">{}</text>\n",
        centre.x, centre.y - 5, escaped(cut_to(printable(nodes_[index].name), name_columns)));
    out += fmt::format(
        "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\" font-size=\"11\" fill=\"#456\">{}"
        "<title>{}</title></text></g>\n",
        centre.x, centre.y + 14, escaped(cut_to(printable(nodes_[index].detail), detail_columns)),
        escaped(nodes_[index].detail));
    return out;
  }

  const std::vector<StreetNode>& nodes_;
  const Layout& layout_;
  std::vector<Point> centres_;  // by slot
  double right_ = 0;            // of the widest layer
  double width_ = 0;
  double height_ = 0;
};

}  // namespace

std::string picture_text(const std::vector<StreetNode>& nodes) {
  const Layout layout = lay_out(nodes);
  std::size_t width = 4;
  for (const StreetNode& node : nodes) width = std::max(width, width_of(printable(node.name)));
  width = std::min<std::size_t>(width, 32);
  std::string out;
  for (const auto& layer : layout.layers) {
    for (const std::size_t slot : layer) {
      if (slot >= nodes.size()) continue;
      const std::string name = cut_to(printable(nodes[slot].name), width);
      const std::string gap(width - width_of(name) + 2, ' ');
      out += cut_to(name + gap + printable(nodes[slot].detail), terminal_columns) + "\n";
      for (const PlacedEdge& edge : layout.edges) {
        if (edge.from != slot) continue;
        out += fmt::format("  {} {}\n", edge.back ? "↑ back to" : "↓",
                           cut_to(printable(nodes[edge.to].name), 80));
      }
    }
  }
  return out;
}

std::string picture_dot(const std::vector<StreetNode>& nodes) {
  const Layout layout = lay_out(nodes);
  std::string out = "digraph street {\n  rankdir=TB;\n  node [shape=box, style=rounded];\n";
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    out += fmt::format("  n{} [label={}, tooltip={}];\n", i, dot_text(nodes[i].name),
                       dot_text(nodes[i].detail));
  }
  for (const PlacedEdge& edge : layout.edges) {
    out += fmt::format("  n{} -> n{}{};\n", edge.from, edge.to,
                       edge.back ? " [style=dashed, constraint=false]" : "");
  }
  return out + "}\n";
}

std::string picture_svg(const std::vector<StreetNode>& nodes) {
  const Layout layout = lay_out(nodes);
  return Svg(nodes, layout).text();
}

}  // namespace gantry::host
