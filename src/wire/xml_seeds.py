#!/usr/bin/env python3
"""What xml_fuzz starts from: `xml_seeds.py FOLDER`.

The parser is not instrumented, so nothing leads libFuzzer from a wrong document to a right one.
"""
import pathlib
import sys

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
SPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
RULE = ("<Rule><ID>r</ID><Filter><And><Prefix>a/</Prefix><Tag><Key>k</Key><Value>v</Value></Tag></And>"
        "</Filter><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>")
DELETE = ("<Delete><Object><Key>a</Key><VersionId>1</VersionId></Object><Object><Key/></Object>"
          "<Quiet>true</Quiet></Delete>")
CONTENTS = ("<Contents><Key>a</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified>"
            "<ETag>&quot;e&quot;</ETag><Size>5</Size><StorageClass>STANDARD</StorageClass></Contents>")
DOCUMENTS = {
    "lifecycle": f"{HEAD}<LifecycleConfiguration {SPACE}>{RULE}{RULE}</LifecycleConfiguration>",
    "lifecycle-date": "<LifecycleConfiguration><Rule><Prefix/><Status>Disabled</Status><Expiration>"
                      "<Date>2026-01-01T00:00:00Z</Date></Expiration></Rule></LifecycleConfiguration>",
    "delete": HEAD + DELETE,
    "delete-wrong": "<Delete><Object><Key>a</Key></Object><Quiet>perhaps</Quiet><Other>x</Other></Delete>",
    "list": f"{HEAD}<ListBucketResult {SPACE}><Name>b</Name><Prefix/><KeyCount>1</KeyCount>"
            f"<MaxKeys>9</MaxKeys><IsTruncated>false</IsTruncated>{CONTENTS}<CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes>"
            "</ListBucketResult>",
    "list-wrong": "<ListBucketResult><MaxKeys>99999999999999999999</MaxKeys><IsTruncated>1</IsTruncated>"
                  "<Contents><Size>-1</Size><LastModified>soon</LastModified></Contents></ListBucketResult>",
    "error": "<Error><Code>NoSuchKey</Code><Message>no &#x4e; &lt;key&gt;</Message></Error>",
    "error-of-query": "<ErrorResponse><Error><Type>Sender</Type><Code>C</Code><Message>m</Message></Error>"
                      "<RequestId>i</RequestId></ErrorResponse>",
    "sections": "<Delete><!-- c --><Object><Key><![CDATA[<a>]]>b</Key></Object><?pi x?></Delete>",
    "prefixed": '<s:Delete xmlns:s="urn:s"><s:Object><s:Key>a</s:Key></s:Object></s:Delete>',
    "entities": '<!DOCTYPE Delete [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
                "<Delete><Object><Key>&b;</Key></Object></Delete>",
    "external": '<!DOCTYPE Delete SYSTEM "file:///etc/passwd"><Delete/>',
    "deep": "<Delete>" * 40 + "</Delete>" * 40,
    "cut": DELETE[:-9],
    "after": DELETE + "<Delete/>",
}

if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, document in DOCUMENTS.items():
        (folder / name).write_bytes(document.encode())
