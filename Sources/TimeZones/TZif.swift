/// A TZif file (RFC 8536), versions 1 to 4.
struct TZif {
    private let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    private static let headerLength = 44

    private struct Header {
        let version: UInt8
        let utcCount, standardCount, leapCount, changeCount, typeCount, characterCount: Int

        /// `width`: bytes of an instant.
        func length(width: Int) -> Int {
            changeCount * (width + 1) + typeCount * 6 + characterCount + leapCount * (width + 4) + standardCount
                + utcCount
        }
    }

    /// nil when the file is damaged.
    func zone(named name: String) -> Zone? {
        guard let first = header(at: 0) else { return nil }
        guard first.version > 0 else { return zone(named: name, first, at: 0, width: 4, rule: nil) }
        // The second block says the same with longer instants.
        let start = Self.headerLength + first.length(width: 4)
        guard let second = header(at: start) else { return nil }
        let footer = start + Self.headerLength + second.length(width: 8)
        guard let text = footerText(at: footer) else { return nil }
        var rule: PosixRule?
        if !text.isEmpty {
            rule = PosixRule(text)
            guard rule != nil else { return nil }
        }
        return zone(named: name, second, at: start, width: 8, rule: rule)
    }

    private func header(at start: Int) -> Header? {
        guard start + Self.headerLength <= bytes.count, bytes[start..<start + 4].elementsEqual("TZif".utf8)
        else { return nil }
        // Versions are NUL, then digits.
        let version = bytes[start + 4]
        let counts = (0..<6).map { unsigned(at: start + 20 + $0 * 4) }
        guard counts.allSatisfy({ $0 <= bytes.count }) else { return nil }
        let header = Header(
            version: version, utcCount: counts[0], standardCount: counts[1], leapCount: counts[2],
            changeCount: counts[3], typeCount: counts[4], characterCount: counts[5])
        return header.typeCount > 0 ? header : nil
    }

    private func zone(named name: String, _ header: Header, at start: Int, width: Int, rule: PosixRule?) -> Zone? {
        let data = start + Self.headerLength
        guard data + header.length(width: width) <= bytes.count else { return nil }
        let indexes = data + header.changeCount * width
        let types = indexes + header.changeCount
        let characters = types + header.typeCount * 6
        let settings = (0..<header.typeCount).compactMap { index in
            setting(at: types + index * 6, characters: bytes[characters..<characters + header.characterCount])
        }
        guard settings.count == header.typeCount else { return nil }
        var changes: [(instant: Int64, setting: Zone.Setting)] = []
        for index in 0..<header.changeCount {
            let instant = signed(at: data + index * width, width: width)
            let type = Int(bytes[indexes + index])
            guard type < settings.count, changes.last.map({ $0.instant < instant }) ?? true else { return nil }
            changes.append((instant, settings[type]))
        }
        return Zone(name: name, changes: changes, first: settings[0], rule: rule)
    }

    private func setting(at start: Int, characters: ArraySlice<UInt8>) -> Zone.Setting? {
        let offset = Int(signed(at: start, width: 4))
        let index = characters.startIndex + Int(bytes[start + 5])
        // A week and a day at most (RFC 8536 3.2 expects less); keeps arithmetic with instants small.
        guard abs(offset) < 8 * 86_400, index < characters.endIndex,
            let end = characters[index...].firstIndex(of: 0)
        else { return nil }
        return Zone.Setting(
            offset: offset, isDaylightSaving: bytes[start + 4] != 0,
            abbreviation: String(decoding: characters[index..<end], as: UTF8.self))
    }

    /// Between two line ends.
    private func footerText(at start: Int) -> ArraySlice<UInt8>? {
        let newline = UInt8(ascii: "\n")
        guard start < bytes.count, bytes[start] == newline,
            let end = bytes[(start + 1)...].firstIndex(of: newline)
        else { return nil }
        return bytes[(start + 1)..<end]
    }

    private func unsigned(at start: Int) -> Int {
        bytes[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
    }

    private func signed(at start: Int, width: Int) -> Int64 {
        let bits = bytes[start..<start + width].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return width == 4 ? Int64(Int32(truncatingIfNeeded: bits)) : Int64(bitPattern: bits)
    }
}
