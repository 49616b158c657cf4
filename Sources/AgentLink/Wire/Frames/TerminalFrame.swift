import JSON

/// A terminal's size in characters.
package struct TerminalSize: Sendable, Hashable {
    package static let columnRange = 2...1000
    package static let rowRange = 2...500
    /// What a shell starts with.
    package static let initial = TerminalSize(uncheckedColumns: 80, rows: 24)

    package let columns: Int
    package let rows: Int

    /// `nil` outside of what agents accept (`agent-link-details.md` 3).
    package init?(columns: Int, rows: Int) {
        guard Self.columnRange.contains(columns), Self.rowRange.contains(rows) else { return nil }
        self.init(uncheckedColumns: columns, rows: rows)
    }

    private init(uncheckedColumns columns: Int, rows: Int) {
        self.columns = columns
        self.rows = rows
    }
}

/// What goes to an agent's terminal (`agent-link.md` 3); its output comes back raw.
package enum TerminalFrame: Sendable, Hashable {
    case input([UInt8])
    case resize(TerminalSize)

    /// `nil` for what an agent ignores: an empty frame, another tag, a size out of bounds.
    package init?(_ frame: [UInt8]) {
        switch frame.first {
        case 0:
            self = .input(Array(frame[1...]))
        case 1:
            guard frame.count <= 256,
                let body = try? JSONParser.parse(Array(frame[1...]), limits: TaskBodyLimits.json),
                let columns = body["Cols"]?.int64Value.flatMap(Int.init(exactly:)),
                let rows = body["Rows"]?.int64Value.flatMap(Int.init(exactly:)),
                let size = TerminalSize(columns: columns, rows: rows)
            else { return nil }
            self = .resize(size)
        default:
            return nil
        }
    }

    package var bytes: [UInt8] {
        switch self {
        case .input(let input): [0] + input
        case .resize(let size): [1] + Array(#"{"Cols":\#(size.columns),"Rows":\#(size.rows)}"#.utf8)
        }
    }

    /// `input` in frames of at most `limit` bytes of input each: the tag belongs to every frame.
    package static func inputFrames(_ input: [UInt8], limit: Int = 32 * 1024) -> [[UInt8]] {
        stride(from: 0, to: input.count, by: max(1, limit)).map { start in
            [0] + input[start..<min(start + max(1, limit), input.count)]
        }
    }
}
