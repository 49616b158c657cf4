import HTTP
import Primitives

/// Finds the file that answers a request for a page, and makes the answer of it. The calls block for the disk.
struct PageLookup: Sendable {
    /// The folder of the front end.
    let root: String
    /// Below the top of the front end, still encoded.
    let path: Substring
    /// What an answer with the index says.
    let indexStatus: HTTPResponse.Status
    let isAdmin: Bool
    let head: HTTPRequest

    /// Longer files are sent while they are read, in pieces of this size: a client that does not read makes us hold no more.
    static let wholeLimit = 32 << 10

    func answer() -> PageAnswer {
        if let name = PagePath(path), let answer = file(name, .ok) { return answer }
        if let index = PagePath("index.html"), let answer = file(index, indexStatus) { return answer }
        var fields: HTTPFields = [.contentType: MediaType.page, .cacheControl: Self.asked]
        guardFrames(&fields)
        let isIndex = path.utf8.elementsEqual("index.html".utf8)
        return PageAnswer(
            head: HTTPResponse(status: isIndex ? .ok : indexStatus, headerFields: fields),
            content: .bytes(PlaceholderPage.bytes(isAdmin: isAdmin)))
    }

    /// Kept, but asked for at each use.
    private static let asked = "no-cache"

    private func file(_ name: PagePath, _ status: HTTPResponse.Status) -> PageAnswer? {
        guard let plain = PageFile.open(PageFile.Place(root: root, segments: name.segments)) else { return nil }
        // A part of a compressed file is of no use to whoever goes on with the plain one.
        let codings = head.headerFields[.range] == nil ? ContentCoding.accepted(head.headerFields[.acceptEncoding]) : []
        for coding in codings {
            guard
                let packed = PageFile.open(
                    PageFile.Place(root: root, segments: name.appending(coding.suffix))),
                packed.modified >= plain.modified
            else {
                continue
            }
            return answer(packed, name, status, coding)
        }
        return answer(plain, name, status, nil)
    }

    private func answer(
        _ file: consuming PageFile, _ name: PagePath, _ status: HTTPResponse.Status, _ coding: ContentCoding?
    ) -> PageAnswer {
        let tag = "\"" + file.tag + (coding.map { "-" + $0.rawValue } ?? "") + "\""
        var fields: HTTPFields = [
            .contentType: MediaType.of(name.segments[name.segments.count - 1]),
            .cacheControl: PageRules.isHashed(name.segments) ? "public, max-age=31536000, immutable" : Self.asked,
            .vary: "Accept-Encoding", .xContentTypeOptions: "nosniff",
        ]
        fields[.contentEncoding] = coding?.rawValue
        guardFrames(&fields)
        guard status == .ok, head.method == .get || head.method == .head else {
            return PageAnswer(head: HTTPResponse(status: status, headerFields: fields), file, 0..<file.size)
        }
        let modified = HTTPDate.text(file.modified)
        fields[.eTag] = tag
        fields[.lastModified] = modified
        fields[.acceptRanges] = "bytes"
        if isKnown(tag: tag, modified: modified) {
            return PageAnswer(head: HTTPResponse(status: .notModified, headerFields: fields), content: .none)
        }
        switch range(of: file.size, tag: tag, modified: modified) {
        case .whole:
            return PageAnswer(head: HTTPResponse(status: .ok, headerFields: fields), file, 0..<file.size)
        case .part(let part):
            fields[.contentRange] = "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(file.size)"
            return PageAnswer(head: HTTPResponse(status: .partialContent, headerFields: fields), file, part)
        case .unsatisfiable:
            fields[.contentRange] = "bytes */\(file.size)"
            return PageAnswer(head: HTTPResponse(status: .rangeNotSatisfiable, headerFields: fields), content: .none)
        }
    }

    /// RFC 9110, 13.2.2: the tag decides where one is given, the date otherwise. We told the date, so only the same text
    /// counts.
    private func isKnown(tag: String, modified: String) -> Bool {
        if let tags = head.headerFields[.ifNoneMatch] {
            return tags.utf8.split(separator: UInt8(ascii: ",")).contains { part in
                let known = Substring(part).trimmingBlanks()
                return known.utf8.elementsEqual("*".utf8) || known.utf8.elementsEqual(tag.utf8)
                    || known.utf8.elementsEqual(("W/" + tag).utf8)
            }
        }
        return head.headerFields[.ifModifiedSince]?.utf8.elementsEqual(modified.utf8) ?? false
    }

    private func range(of size: Int, tag: String, modified: String) -> ByteRange {
        if let condition = head.headerFields[.ifRange], !condition.utf8.elementsEqual(tag.utf8),
            !condition.utf8.elementsEqual(modified.utf8)
        {
            return .whole
        }
        return ByteRange(head.headerFields[.range], size: size)
    }

    /// Nobody needs the administrator's page inside a page of somebody else.
    private func guardFrames(_ fields: inout HTTPFields) {
        if isAdmin { fields[.contentSecurityPolicy] = "frame-ancestors 'self'" }
    }
}
