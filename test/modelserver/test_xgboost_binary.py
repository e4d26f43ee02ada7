"""Models in XGBoost's old binary form, as AWS's images up to 1.7 leave them in xgboost-model.

No XGBoost that these tests have writes it: the files are of 1.7.6, and so are the predictions."""

import base64
import zlib

import numpy as np
import pytest

ROWS = "5.1,3.5,1.4,0.2\n5.9,3.2,,1.8\n6.7,3.1,5.6,2.4\n"

# What it is: (the file, compressed, in base 85; the predictions of ROWS).
FILES = {
    "forest of classes": (
        'c-l+K%u8cnV6bNa63jr%$N&K#njK2R#Aprppmc6&PD!R!aei7!K~a7Z8&otssiY`1m5q+>AqOx*!x08p27#OY0|CfgOc'
        '2~~_Kb`JklFAb3P5UVtM1sr)WXCXLlXCWnm)lPG_=)eo~G?)n0YeCH#%nQ-foZJ8#-klv)&K$KkE?me|=TVJ_cyqLGwZ'
        'b1H%J*CNy;?%l6qZp@q|;5MNL@IbsW^%-!bTa9Oxe-3b&<na6h9A>6g!F=)p;csN@0Eq1&ktvw{d5fnZq#+N~EZ-9jvD'
        '6G=b<~g9JBmR(cc8qA@=%$;vj}c8>TS=T<;FCO*^!DY+K8MgyQ>WyEs{3K?ShZ@E<Mt1$;o)|yP{(Q4Qfs*UV+%e9sYF'
        'Zrp`0JZMW<ur$MPMX`)sW>oMt|#af)Q|*$p#K@7Zz3i)X9h;nDO~!fA)3#*ogB|4dy_@*@*Cz0Gz&&yR9j`Z4n3ns$kO'
        '>)34^&+e&ndOX=~7tCI<;u(&?P0HYK>FC+(=+tcFq+{L>&yOz`9B^!F%!h~LoYW<bCFcM3A=ih4IUE@nW;h_{M`mz-JO'
        '=g;C=IY7m22qv(V)Z=BR_7tr(%O1-tK=JY|+EJ;Q1uG^9FoQfvans+HI<>L1G8y$=M$i6><_jpa>4{2}@4c%WGeEoOC%'
        'F9==h6yiS)MsKfK^wVnm`PAQzW@N~VY+M)D!7(9M%ZrSe0f4#&WxvphGW5e18oKQMHDJwO(B(p5l4JuHrl$V&Bs$`{v+'
        'R9MUQ35e@6D#7u63ID<#l`UjiA9OIN>)HUrMdB7A)rQMrP^8me3pHg',
        [[0.6092887, 0.1963039, 0.1944074], [0.4869293, 0.1568815, 0.3561892], [0.1962702, 0.2099902, 0.5937396]]),
    "logistic": (
        'c-l+K%u73a#>b9@0RkA2Xm%t%JpezHPRh(nEUL81$xqKLF3C)0g9@i7l@z6>GSS&lqymuJn34D_gTPJyfdJ$#CJ1ggdq'
        '&0q$ZYrz1t2x6R;}6xQwtN@vSo|?%PIEGj0^`Hjg5^Rko@TQ*rIPgg5TgcZQ3-4q3nOv<8v_lKjo^Redtv?r$-IH9fL0'
        '{v4@$rPvxA$m!(Z`|8M$!+;IWlXM6N?00Nv)IzK5ZHMu0SEY$@nP_2}gn479(rG%E;m2{MfQq$ve@{5b(3lfVGbCs;Bm'
        '5P%Sb5i3A@{8lkQ!~>uN`Tr7m1=7NM=^Nj',
        [0.116517, 0.116517, 0.6445426]),
    "poisson": (
        'c-l+K%u8cnV6bOlfB;4$njK2R#Apq8p>%S7X<ms{L4Ia&aef{fR4_fMq$o9&g^tc42Y}qhio|Cb1aA5d1R!@YL2$#_Gc'
        'pc9X2X9d0I4aQBDxPmGeg}BQpdnB!+{A+-S@}Rc1%z+VPbY%;daY5HaYQfh&%gD`C|vOS17^LX}8Z$u(=GJbM1u^PC6M'
        'I8{5O=@7kC;Eq=iW=esw@!sUl*I5x-=7mmj~AK79HN47Xer-f5goGqm<!^80sqn^{1&L3cN4@_I@5UKGAB^-6Rf}PG!+'
        '5=bbytre?hhyzb5tMKQ(hVlYm+jHR@%YLeSi@2H4}+7}1rz7heJkPN@*zjese09Su(=LK?;Q9{`JGv~c;Mj}yT9A%!lR'
        'jR_4`*%8uH<2$$%M-3=9u2!f|H!B#dy(_@icbN^Py<{4#fE4#g&TxEM(@IdQK31~&IZU7^F}_iD}uC!c}K3xAsL6#Tpx'
        '&Y$#lt<xHHZhLHgV209sP&z5KxFkNaB(*59Br`t`R?-^^AWP?gDuVc&%-qZpm;xhCC?h{9D>b<!vn(|PDp0MImzbNXWT'
        'k{ssVM0vL0R!dsp&<j#l=9|;tLXs5_6TTs+DpRE8<g9b4n89i%U`qfSL{T%q+pc!a}LG764m*9G(',
        [0.3734955, 0.3734955, 0.7609808]),
    "dart": (
        'c-l+K%u8cnV6bOlfB;4$njK2R#Aprpp>$GaUSd(DRZf0-W^qYoGR$cyiA5zWbaW0m0OU4iBtFX^aMOPv0J)0^f*a1Bk#'
        'PVr8~#H9NX-)qzWp$@Ffr?m!uBWf{x~r(h&kP`R<lQ#=;2t+`F1~of5I_I{hR$z_Wz`od;8G+ul?w$oz>Ysr`5$=PA`A'
        '{vxAu@5Mt?AnYR<}e_z`jj^`%sAJYD}_1=%+|I3BP>=yHzIsHq0<+z&tCfxtG8RQ&eGv~woKOuFt<E^-*L)!l{ISym^K'
        'bZ5B-OGE9PH)*iI@U|yh5J7&M#)jDeG%OMhi=Yyl!{$pkIim`{~PT6-?-SrXjmD>38nLsvQm>vGRsn3paRuOd5O8HN>)'
        'l}g`tv;Qc-Gpd`^CGaeP5yQDUx=Rkc!aa$-(ud_jJ3e0geSdPWIQo1s!|EdYXG$Q1',
        [0.1741484, 0.1741484, 0.8338868]),
    "linear": (
        'c-l+K%u8cnV6bOlfB;4$njK2R#Apq8p>%S7X<ms{L4Ia&aef{LR4_d$Co?ZKv4~-i09Gi?x#yLQQsSOHmFqUzF5K;8_u'
        '{Fr9W1~&p>%#yR%&udW?5<oRG?ZZFEKY&$w~>ut4cabP*!|VYI;#>ad9S)S&&$in5$$}t(2Qs5ucKpQ<4~8T#{M<)NG('
        '<W(fus7D~0X06#f4Gy',
        [0.7235627, 0.8949943, 1.6723573]),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_model_of_the_old_binary_form_answers_as_its_own_version_did(tmp_path, serve, kind):
    file, want = FILES[kind]
    (tmp_path / "xgboost-model").write_bytes(zlib.decompress(base64.b85decode(file)))
    server = serve(tmp_path, image="sagemaker-xgboost:1.7-1")
    said = server.ask(ROWS, "text/csv", "application/json").json["predictions"]
    np.testing.assert_allclose([each["score"] for each in said], want, rtol=2e-6)


def test_a_file_that_ends_too_early_is_named(tmp_path, serve):
    whole = zlib.decompress(base64.b85decode(FILES["dart"][0]))
    (tmp_path / "xgboost-model").write_bytes(whole[:len(whole) // 2])
    server = serve(tmp_path, ready=False, image="sagemaker-xgboost")
    assert server.wait() is False
    assert "xgboost-model: the file is damaged: it ends too early" in server.output()
