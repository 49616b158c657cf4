/// Measurements in the text format of Prometheus (version 0.0.4), family by family.
///
/// ```swift
/// var text = PrometheusText()
/// text.family("nezha_agents", .gauge, "Agents that are attached.") { $0.sample(12) }
/// ```
package struct PrometheusText: Sendable {
    package enum Kind: String, Sendable {
        case counter, gauge, histogram
    }

    /// Writes the samples of one family.
    package struct Family: Sendable {
        fileprivate let name: String
        fileprivate var lines: [UInt8] = []

        /// - Parameters:
        ///   - suffix: behind the family's name, such as `_sum` of a histogram.
        ///   - labels: in the order in which they are written; values may be anything.
        package mutating func sample(_ value: Double, suffix: String = "", labels: [(String, String)] = []) {
            lines += (name + suffix).utf8
            if !labels.isEmpty {
                lines.append(UInt8(ascii: "{"))
                for (index, (label, value)) in labels.enumerated() {
                    if index > 0 { lines.append(UInt8(ascii: ",")) }
                    lines += "\(label)=\"".utf8
                    lines += PrometheusText.escaped(value)
                    lines.append(UInt8(ascii: "\""))
                }
                lines.append(UInt8(ascii: "}"))
            }
            lines += " \(PrometheusText.number(value))\n".utf8
        }
    }

    package private(set) var bytes: [UInt8] = []

    package init() {}

    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    package mutating func family(_ name: String, _ kind: Kind, _ help: String, _ body: (inout Family) -> Void) {
        var family = Family(name: name)
        body(&family)
        // One without samples says nothing.
        guard !family.lines.isEmpty else { return }
        bytes += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n".utf8
        bytes += family.lines
    }

    private static func escaped(_ text: String) -> [UInt8] {
        var escaped: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): escaped += #"\\"#.utf8
            case UInt8(ascii: "\""): escaped += #"\""#.utf8
            case UInt8(ascii: "\n"): escaped += #"\n"#.utf8
            default: escaped.append(byte)
            }
        }
        return escaped
    }

    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if let whole = Int64(exactly: value) { return String(whole) }
        return String(value)
    }
}
