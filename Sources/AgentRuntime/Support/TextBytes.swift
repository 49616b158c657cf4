/// Texts taken apart by their bytes. Files of the kernel hold names that users chose (mounts, interfaces, variables): a
/// combining mark behind a separator would hide it from a `Character`.
extension Substring {
    /// The pieces between bytes of this value; empty ones are left out.
    func pieces(by separator: UInt8) -> [Substring] {
        utf8.split(separator: separator).map { Substring($0) }
    }

    /// The pieces between runs of blanks, tabs and line ends.
    var words: [Substring] {
        utf8.split { $0 == 0x20 || (0x09...0x0D).contains($0) }.map { Substring($0) }
    }

    var lines: [Substring] { utf8.split { $0 == 0x0A || $0 == 0x0D }.map { Substring($0) } }

    /// What is behind `prefix`; `nil` when the text does not begin with its bytes.
    func after(_ prefix: StaticString) -> Substring? {
        let prefix = prefix.description.utf8
        return utf8.starts(with: prefix) ? Substring(utf8.dropFirst(prefix.count)) : nil
    }

    /// What is before and behind the first byte of this value.
    func halves(at separator: UInt8) -> (Substring, Substring)? {
        guard let place = utf8.firstIndex(of: separator) else { return nil }
        return (Substring(utf8[..<place]), Substring(utf8[utf8.index(after: place)...]))
    }
}

extension String {
    var words: [Substring] { self[...].words }
    var lines: [Substring] { self[...].lines }
}
