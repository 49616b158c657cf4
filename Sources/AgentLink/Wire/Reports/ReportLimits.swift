/// Bounds on what an agent may say of itself: its text is shown on pages and in terminals, and kept in memory
/// (`security.md`, agent-controlled text).
enum ReportLimits {
    /// Unicode scalars a string.
    static let textLength = 256
    /// Entries a list.
    static let listLength = 64
    /// Bytes of all entries of a list together; it is kept for each server, and the longest honest one has a tenth.
    static let listBytes = 4096

    /// At most ``textLength`` scalars of `text`, without control characters, so that no report can carry terminal
    /// escapes.
    static func text(_ text: String) -> String {
        if text.utf8.count <= textLength, text.utf8.allSatisfy({ 0x20 <= $0 && $0 < 0x7F }) { return text }
        var kept = String.UnicodeScalarView()
        kept.append(
            contentsOf: text.unicodeScalars.lazy.filter { $0.properties.generalCategory != .control }
                .prefix(textLength))
        return String(kept)
    }

    /// JSON has no form for what is not a number, so a sensor that answers one counts as silent.
    static func number(_ value: Double) -> Double {
        value.isFinite ? value : 0
    }
}
