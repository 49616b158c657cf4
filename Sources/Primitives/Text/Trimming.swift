extension Substring.UTF8View {
    /// Without spaces and tabs at both ends: what the grammars of HTTP mean by optional white space.
    package func trimmingBlanks() -> Substring.UTF8View {
        func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        var rest = self
        while let first = rest.first, isBlank(first) { rest.removeFirst() }
        while let last = rest.last, isBlank(last) { rest.removeLast() }
        return rest
    }

    /// As `starts(with:)`, which asks for one byte after the other.
    package func begins(with prefix: [UInt8]) -> Bool {
        let begins = unsafe withContiguousStorageIfAvailable { bytes in
            guard bytes.count >= prefix.count else { return false }
            for position in prefix.indices where unsafe bytes[position] != prefix[position] { return false }
            return true
        }
        return begins ?? starts(with: prefix)
    }
}

extension StringProtocol {
    /// Without spaces and tabs at both ends.
    package func trimmingBlanks() -> Substring { Substring(Substring(self).utf8.trimmingBlanks()) }

    /// Without white space of any kind, line ends included, at both ends. Looks at scalars: a space with a combining mark
    /// is none to a reader, but goes.
    package func trimmingWhitespace() -> Substring {
        let scalars = Substring(self).unicodeScalars
        let front = scalars.drop { $0.properties.isWhitespace }
        guard let last = front.lastIndex(where: { !$0.properties.isWhitespace }) else {
            return Substring(front.prefix(0))
        }
        return Substring(front[...last])
    }
}
