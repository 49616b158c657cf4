extension Logger {
    /// How much a line matters, from `trace` up to `critical`.
    package enum Level: String, Sendable, Hashable, CaseIterable, Comparable {
        case trace, debug, info, notice, warning, error, critical

        private var weight: Int {
            switch self {
            case .trace: 0
            case .debug: 1
            case .info: 2
            case .notice: 3
            case .warning: 4
            case .error: 5
            case .critical: 6
            }
        }

        package static func < (left: Level, right: Level) -> Bool { left.weight < right.weight }
    }

    /// The text of a line.
    package struct Message: Sendable, Hashable, CustomStringConvertible, ExpressibleByStringLiteral,
        ExpressibleByStringInterpolation
    {
        package let description: String

        package init(stringLiteral value: String) { description = value }
    }

    /// What a line says beside its text.
    package struct MetadataValue: Sendable, Hashable, CustomStringConvertible, ExpressibleByStringLiteral,
        ExpressibleByStringInterpolation
    {
        package let description: String

        package init(stringLiteral value: String) { description = value }
    }
}

/// One line, before it has a form.
package struct LogEvent: Sendable {
    package var level: Logger.Level
    package var message: Logger.Message
    package var metadata: Logger.Metadata?
    /// `Module/File.swift`, as `#fileID` says it.
    package var file: String
    package var function: String
    package var line: UInt

    package init(
        level: Logger.Level, message: Logger.Message, metadata: Logger.Metadata?, file: String = #fileID,
        function: String = #function, line: UInt = #line
    ) {
        self.level = level
        self.message = message
        self.metadata = metadata
        self.file = file
        self.function = function
        self.line = line
    }

    /// The module that wrote the line.
    package var source: String { String(decoding: file.utf8.prefix { $0 != UInt8(ascii: "/") }, as: UTF8.self) }
}
